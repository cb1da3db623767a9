-- What can be had where: functions over stock, catalog and locations; no tables of its own.
create schema availability;
