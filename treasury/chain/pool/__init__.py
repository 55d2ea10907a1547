"""One chain behind several endpoints: a quorum decides, every single voice can raise an alarm.

How many must agree is a share of the configured endpoints and never of those that happen to
answer: whoever silences the honest ones gains nothing. With less than a quorum nothing is told.
"""
