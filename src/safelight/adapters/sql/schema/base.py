"""What all tables belong to. Times in them are Unix seconds."""

from sqlalchemy import MetaData

metadata = MetaData()
