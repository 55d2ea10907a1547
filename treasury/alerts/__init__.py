"""Alerts: how people hear of trouble while nobody looks at a screen.

    channels    what a channel is, made from the settings
    webhook     a signed POST with a deadline
    relay       chat, mail and pagers, through a program of their own
    postman     one channel's thread: spread the outbox, try what is due, pause, give up
    rounds      what the clock does: end what is calm, escalate what nobody acknowledged
    conditions  what no journal line tells: a silent signer, an unseen chain, an old drill
    pulse       the heartbeat, so that silence is noticed

Nothing here runs in a lane or inside a transaction of somebody else; the ledger's outbox
(`ledger.alarms`, `ledger.outbox`) is the only thing shared.
"""
