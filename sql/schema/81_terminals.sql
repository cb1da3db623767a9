-- What is known of tills: whether they speak, what is missing of what they said, and what their
-- clocks are worth. Their tables stand in pos, since receipts need them.
create schema terminals;
