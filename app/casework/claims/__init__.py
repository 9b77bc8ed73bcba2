"""Claims of payment: the customer says that it is paid, and a person looks for the payment."""
