"""The stations of the belt, one verb each. None imports another: the ledger is what they share.

    watch lane    observe -> guard -> inspect -> assess
    money lane    confirm -> adopt -> tally -> carry -> release -> pay -> dispatch
    both          notify tells the log what the journal says

Each is a function `station(world, now) -> Outcome` that takes rows in one state, does one thing,
moves them to the next state and commits each row by itself. `treasury.ticks` calls them in order.
A new station is a new file here, its edges in `policies.lifecycles`, and one line in `ticks`.
"""
