-- Posts the file named by the variable BODY.
local file = assert(io.open(os.getenv("BODY"), "r"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
if os.getenv("KEY") then wrk.headers["X-API-Key"] = os.getenv("KEY") end
file:close()
local bad = 0
function response(status) if status ~= 200 then bad = bad + 1; if bad < 3 then print("status " .. status) end end end
