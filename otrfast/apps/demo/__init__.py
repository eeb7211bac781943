"""`otrfast demo`: a bot that is killed in the middle of its conversations, and goes on with them.

`command` is the command, `demonstration` the order of things, `relay` the network between partners
and bot, `bot` the process that is killed, `screen` what is shown at the end. Nothing is imported
here: the bot starts quickly without what only the screen needs.
"""
