-- Whole files of stock: functions over stock, catalog and locations; no tables of its own.
create schema imports;
