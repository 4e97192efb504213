"""Live sessions over two replicas while faults of all kinds happen to them and their store.

    python -m tests.chaos [--seed N] [--sessions N] [--frames N] [--kinds A,B]

Every answer is compared with what ``/v1/lift`` gives for the whole clip. Of frames that were
answered as durable none may be lost, as long as the store or a replica is left that has them.
"""
