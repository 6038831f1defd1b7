"""Every fact in every order, on random definitions: the machine beside the contract."""
