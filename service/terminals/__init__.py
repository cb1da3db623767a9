"""The terminals domain: tills, whether they speak, and what is missing of what they said."""
