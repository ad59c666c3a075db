-- What somebody does in Neovim: open, look at the diagnostics, complete, hover, go to a definition, rename.
local function fail(what, ...)
  io.stdout:write("FAILED " .. what .. " " .. vim.inspect({ ... }) .. "\n")
  vim.cmd("cquit")
end

local function wait(what, condition)
  if not vim.wait(20000, condition, 20) then
    fail(what, vim.diagnostic.get(0))
  end
end

local function ask(method, line, character, more)
  local params = { textDocument = vim.lsp.util.make_text_document_params(), position = { line = line, character = character } }
  local answers = vim.lsp.buf_request_sync(0, method, vim.tbl_extend("force", params, more or {}), 20000)
  for _, answer in pairs(answers or {}) do
    if answer.err then
      fail(method, answer.err)
    end
    return answer.result
  end
  fail(method, "no answer")
end

local ok, problem = pcall(function()
  vim.cmd("edit main.star")
  wait("diagnostics", function() return #vim.diagnostic.get(0) > 0 end)
  local found = vim.diagnostic.get(0)[1]
  if found.code ~= "unknown-attribute" or found.lnum ~= 4 then
    fail("the diagnostic", found)
  end

  vim.api.nvim_buf_set_lines(0, 4, 5, false, { "    plan." })
  local list = ask("textDocument/completion", 4, 9)
  local labels = {}
  for _, item in ipairs(list.items) do
    labels[item.label] = true
  end
  if not labels.add_service or not labels.print then
    fail("completion", labels)
  end

  vim.api.nvim_buf_set_lines(0, 4, 5, false, { '    plan.print("done")' })
  wait("diagnostics that go away", function() return #vim.diagnostic.get(0) == 0 end)

  local hover = ask("textDocument/hover", 3, 9)
  if not hover.contents.value:find("def launch", 1, true) then
    fail("hover", hover)
  end
  vim.api.nvim_win_set_cursor(0, { 4, 9 })
  vim.lsp.buf.definition()
  wait("definition", function() return vim.fn.expand("%:t") == "lib.star" end)
  vim.cmd("edit main.star")

  vim.api.nvim_win_set_cursor(0, { 4, 9 })
  vim.lsp.buf.rename("start")
  wait("rename", function()
    return vim.api.nvim_buf_get_lines(0, 3, 4, false)[1] == '    lib.start(plan, "web")'
  end)
  vim.cmd("wall")
end)
if not ok then
  fail("the script", problem)
end
io.stdout:write("all is well\n")
vim.cmd("qall!")
