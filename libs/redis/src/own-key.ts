/**
 * Start of scripts that work on keys of ours which somebody may have written by hand. A key of another type than ours holds nothing that
 * could be used, and every command on it would fail for as long as it lies there: it is taken away.
 *
 * `own(key, kind)` returns whether there was such a thing; `mended` lists their names.
 */
export const OWN_KEY = `
local mended = {}
local function own(key, kind)
  local found = redis.call('TYPE', key).ok
  if found == kind or found == 'none' then return false end
  redis.call('DEL', key)
  table.insert(mended, key)
  return true
end
`;
