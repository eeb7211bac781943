"""One peer's state and what moves it. Private: `otrfast.session` is the public face."""
