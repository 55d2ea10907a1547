"""The incident file: everything known of one incident, for police, insurers and peers.

    evidence   gather it from the ledger and from the signer's book
    figures    what was lost, saved and left, by asset
    document   the machine's form: canonical JSON
    markdown   the reader's form, made from the document alone
    files      write both, and seal the first by its hash in the journal

The seal binds: whoever has the file and a signed checkpoint that is newer than the seal can prove
that the file is what this treasury wrote then, and nobody, we included, can change it afterwards.
"""
