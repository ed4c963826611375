"""What requests and answers look like: models for checking and for the OpenAPI document."""
