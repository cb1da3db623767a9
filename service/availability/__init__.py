"""What can be had where, told fresh from the primary through read lanes."""
