"""The effects of a call result, one file a kind; `app.actions.calls` puts them together."""
