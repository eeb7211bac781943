"""What the connectors of networks share: texts as a program reads them, and their HTML."""
