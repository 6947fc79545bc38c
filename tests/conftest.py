"""Hypothesis for a machine that may be busy: no example fails for the time it took."""

from hypothesis import HealthCheck, settings

settings.register_profile("zonegit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zonegit")
