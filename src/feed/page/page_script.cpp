#include "feed/page/page_parts.hpp"

namespace pushcart {

// Text from the data reaches the page through textContent and encodeURIComponent only.
std::string_view page_script() {
  return R"js(
(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("views").textContent);
  var box = document.getElementById("query");
  var matches = document.getElementById("matches");
  var found = document.getElementById("found");
  var status = document.getElementById("status");
  var users = new Map(data.users.map(function (user) { return [user[0], user]; }));
  var items = new Map(data.items.map(function (item) { return [item[0], item]; }));
  var names = data.items.map(function (item) { return item[1].toLowerCase(); });

  function element(tag, text, className) {
    var node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  }
  function link(kind, id, text) {
    var node = element("a", text);
    node.href = "#" + kind + "=" + encodeURIComponent(id);
    return node;
  }
  function itemLink(item) { return link("item", item[0], item[1] || item[0]); }
  function links(positions) {
    var node = element("span");
    positions.forEach(function (position, place) {
      node.append(place ? ", " : "", itemLink(data.items[position]));
    });
    return node;
  }
  function day(time) { return time ? new Date(time * 1000).toISOString().slice(0, 10) : "–"; }
  function table(caption, heads, rows) {
    var scroll = element("div", undefined, "scroll wide");
    var node = scroll.appendChild(element("table"));
    node.appendChild(element("caption", caption));
    var head = node.appendChild(element("thead")).appendChild(element("tr"));
    heads.forEach(function (text) {
      var cell = head.appendChild(element("th", text[0], text[1]));
      cell.scope = "col";
    });
    var body = node.appendChild(element("tbody"));
    rows.forEach(function (cells) {
      var row = body.appendChild(element("tr"));
      cells.forEach(function (content, column) {
        var cell = row.appendChild(element("td", undefined, heads[column][1]));
        if (content instanceof Node) cell.appendChild(content); else cell.textContent = content;
      });
    });
    return scroll;
  }
  var itemHeads = [["item", "t"], ["id", "t"]];
  function itemCells(position) { return [itemLink(data.items[position]), data.items[position][0]]; }

  function showUser(user) {
    found.append(element("h3", "User " + user[0]));
    found.append(element("p", user[1].toLocaleString("en") + (user[1] === 1 ? " item" : " items") + " in the history", "soft"));
    var columns = found.appendChild(element("div", undefined, "columns"));
    var strength = data.rated ? "rating" : "strength";
    var shown = user[2].length < user[1] ? user[2].length + " of " + user[1].toLocaleString("en") + ", " : "";
    columns.append(table("History: " + shown + (data.timed ? "latest first" : "strongest first"),
      itemHeads.concat([[strength, "n"]], data.timed ? [["last event", "d"]] : []),
      user[2].map(function (entry) {
        return itemCells(entry[0]).concat([entry[1]], data.timed ? [day(entry[2])] : []);
      })));
    if (user[3].length === 0) { columns.append(element("p", "This user has no list.")); return; }
    columns.append(table("Recommended", [["#", "n"]].concat(itemHeads, [["score", "n"], ["from", "d"]],
        data.explained ? [["because of", "t"]] : []),
      user[3].map(function (entry, rank) {
        return [rank + 1].concat(itemCells(entry[0]), [entry[1], data.sources[entry[2]]],
          data.explained ? [links(entry.slice(3))] : []);
      })));
  }
  function showItem(item) {
    found.append(element("h3", item[1] || "Item " + item[0]));
    found.append(element("p", "Item id " + item[0] + ", " + item[2].toLocaleString("en") + " users", "soft"));
    if (item[3].length === 0) return;
    found.append(table("Similar items", [["#", "n"]].concat(itemHeads, [["cosine", "n"]]),
      item[3].map(function (entry, rank) { return [rank + 1].concat(itemCells(entry[0]), [entry[1]]); })));
  }

  function find(query) {
    var low = query.toLowerCase(), hits = [];
    var limit = 12;
    function add(kind, id, text) { if (hits.length < limit) hits.push([kind, id, text]); }
    if (users.has(query)) add("user", query, "");
    if (items.has(query)) add("item", query, items.get(query)[1]);
    data.users.forEach(function (user) {
      if (user[0] !== query && user[0].toLowerCase().startsWith(low)) add("user", user[0], "");
    });
    hits = hits.slice(0, limit / 2 + 2);
    data.items.forEach(function (item, position) {
      if (item[0] === query) return;
      if (item[0].toLowerCase().startsWith(low) || names[position].includes(low)) add("item", item[0], item[1]);
    });
    return hits;
  }
  function search() {
    var query = box.value.trim();
    matches.replaceChildren();
    if (query === "") { status.textContent = ""; return; }
    var hits = find(query);
    status.textContent = hits.length === 0 ? "Nothing here has this id or name." : "";
    hits.forEach(function (hit) {
      var node = link(hit[0], hit[1], (hit[0] === "user" ? "User " : "") + (hit[2] || hit[1]));
      if (hit[2]) node.append(" ", element("span", hit[1], "soft"));
      matches.appendChild(element("li")).appendChild(node);
    });
  }
  function open() {
    var parts = /^#(user|item)=(.*)$/.exec(location.hash);
    if (!parts) return;
    var id;
    try { id = decodeURIComponent(parts[2]); } catch (error) { id = parts[2]; }
    var entry = (parts[1] === "user" ? users : items).get(id);
    found.replaceChildren();
    matches.replaceChildren();
    status.textContent = entry ? "" : "This page does not have the " + parts[1] + " " + id + ".";
    if (!entry) return;
    if (parts[1] === "user") showUser(entry); else showItem(entry);
    document.getElementById("search").scrollIntoView();
  }
  box.addEventListener("input", search);
  box.addEventListener("keydown", function (event) {
    var first = matches.querySelector("a");
    if (event.key === "Enter" && first) location.hash = first.getAttribute("href");
  });
  window.addEventListener("hashchange", open);
  open();
})();
)js";
}

}  // namespace pushcart
