-- Handovers beside till sales of the same goods; the handovers' table stands in pos.
create schema matching;
