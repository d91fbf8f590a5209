"""A finished model put to use: on recordings, and on sound as it comes."""
