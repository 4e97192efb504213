"""What the ``poselift`` command does, one module a subcommand; ``poselift.cli`` names them."""
