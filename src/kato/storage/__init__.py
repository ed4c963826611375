"""The two stores, how to start them, and how batches pass from one to the other."""
