"""Support needs: what a customer needs from us to be dealt with fairly, and never why they need it."""
