"""`treasuryctl`: what people type. It trusts nobody: it decodes, digests and judges terms itself.

    main        the entry, exit codes, and the one place that turns an error into a line
    grammar     commands and their options
    api         HTTP over the daemon's Unix sockets
    screen      tables, times, amounts and escapes for a terminal
    consent     what is signed, checked against the law before anybody is asked
    keystore    whose key signs
    status … people     the commands, by subject

A command imports what it needs when it runs, so that `status` costs a few Python starts.
"""
