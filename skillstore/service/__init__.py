"""The service: libraries from outside. `operations` says once what can be asked; HTTP, MCP and page loop over it.

Needs the extra [serve] or [mcp]. `service.Service` carries operations out; `libraries.Libraries` is one directory of
many libraries; `callers` says who may do what. Nothing here is imported by the library itself.
"""
