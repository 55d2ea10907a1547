"""The token: sessions, keys and what a signature is; the only files that speak PKCS#11."""
