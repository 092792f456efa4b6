"""Data files as frames of text, piece by piece: CSV and XML, in bounded memory and with the lines records start on."""
