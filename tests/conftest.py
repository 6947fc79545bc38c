"""Settings of Hypothesis for all tests: no deadline per example, because a machine may be busy."""

from hypothesis import HealthCheck, settings

settings.register_profile("zonegit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zonegit")
