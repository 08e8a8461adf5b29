from .common import Common


class Local(Common):
    DEBUG = True
