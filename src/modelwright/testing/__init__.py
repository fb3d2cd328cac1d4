"""Contract tests as classes: a package that adds members subclasses them and gets the tests that ours pass."""
