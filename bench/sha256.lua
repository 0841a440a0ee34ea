-- SPDX-License-Identifier: Apache-2.0
-- A rival: a token gate as one writes it in nginx's Lua, with the hashes of
-- all tokens in a table and libcrypto through LuaJIT's FFI.
local ffi = require "ffi"
ffi.cdef [[
unsigned char *SHA256(const unsigned char *d, size_t n, unsigned char *md);
]]
local crypto = ffi.load("crypto")
local digest = ffi.new("unsigned char[32]")

local known = {}
for line in io.lines(hashes) do
   local raw = line:gsub("%x%x", function(h)
      return string.char(tonumber(h, 16))
   end)
   known[raw] = true
end

return function()
   local value = ngx.var.http_authorization
   local token = value and value:match("^Bearer (.+)$")
   if token then
      crypto.SHA256(token, #token, digest)
      if known[ffi.string(digest, 32)] then
         return
      end
   end
   ngx.exit(401)
end
