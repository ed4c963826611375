"""Values that stand in the OpenAPI document."""

SESSION = "session-57e2d30fb29e43b89099cf4d815b6155-1795188666909"
PATTERN = "PTRN|b98534b32c1d7489d4ce1a48724aa65aeecbdba9"
OBSERVATION = "obs-0f9619ff8b864011b42d00c04fc964ff"
