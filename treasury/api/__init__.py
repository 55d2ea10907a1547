"""The API: HTTP over Unix sockets, one per role. It asks the ledger and takes signed consent in.

    office      what the API may ask of the daemon
    app         one application per role, and the table of who may do what
    server      uvicorn in a thread on those sockets
    consent     whose signature is taken in
    answers     facts of the ledger as JSON
    refills … withdrawals     the handlers, by subject

Power comes from signatures over terms, never from a socket alone; the signer checks them again.
"""
