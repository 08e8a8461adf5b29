from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Database(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="db_")

    name: str
    host: str = "localhost"


class Config(BaseSettings):
    secret_key: str = Field(..., alias="SHOP_SECRET_KEY")
    debug: bool = False
    database: Database = Field(default_factory=Database)


config = Config()
