"""Measuring this machine: `hylde bench` drives it, and the service gets a route that does nothing.

Not loaded by a service that serves: app.py takes the route only with HYLDE_BENCH=1.
"""
