"""MCP: the service for LLM agents, over stdio and streamable HTTP.

Needs the extra [mcp]. `tools` says what an agent can call, `answers` what it hears, `catalog` which skills there are as
files, `extension` those as the protocol's skills extension has them; `server` puts it together, `stdio` and `endpoint`
run it.
"""
