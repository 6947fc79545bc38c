"""DNS values: names, RRsets, serials, master files. The only importer of dnspython here."""
