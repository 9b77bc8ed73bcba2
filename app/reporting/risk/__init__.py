"""Training and measuring of the break-risk model. scikit-learn is used here alone, and only when a model is trained."""
