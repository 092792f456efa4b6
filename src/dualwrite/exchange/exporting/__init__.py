"""Tables of an environment become data files and data packages, as an import reads them back."""
