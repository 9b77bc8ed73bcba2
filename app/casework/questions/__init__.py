"""Questions whether words are a complaint, a request for help with payments, a support need or a dispute."""
