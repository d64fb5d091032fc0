"""Remote: the library of a server, over HTTP. The same contract as `skillstore.local`, kept by asking.

`opening` is the way in; `backend` asks for everything, through `wire` (httpx), which asks again where that is safe;
`batches` has the commits that are open from one request to the next.
"""
