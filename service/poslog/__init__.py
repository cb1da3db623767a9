"""The poslog domain: ARTS POSLog XML, made into receipts."""
