"""The core bank over HTTP: the GSMA Mobile Money API 1.2, spoken as its client.

:class:`~core_client.adapters.gsma.bank.GsmaBank` is the :class:`~core_client.ports.core_bank.CoreBank`; how a hold, a
posting and a void become calls of that API is told in ADR 0022.
"""
