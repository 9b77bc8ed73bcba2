"""What shows that figures are right: counted again by hand and compared; what changed those of a closed day."""
