"""Hidden cells side by side have one button, and no code or output is lost."""

from docutils import nodes

from forgetting.book.hidden_code import join_neighbours


def cell(code, *, output="", hidden=True, prompt="Show the code"):
    node = nodes.container(nb_element="cell_code", prompt_show=prompt)
    if hidden:
        node["hide_mode"] = "input" if output else "all"
    node += nodes.container("", nodes.literal_block(code, code), nb_element="cell_code_source")
    if output:
        node += nodes.container("", nodes.paragraph(output, output), nb_element="cell_code_output")
    return node


def joined(*children):
    section = nodes.section("", *children)
    join_neighbours(section)
    return [
        [block.astext() for block in node.findall(nodes.literal_block)]
        + [p.astext() for p in node.findall(nodes.paragraph)]
        if isinstance(node, nodes.container)
        else node.astext()
        for node in section.children
    ]


def test_code_without_an_output_goes_to_the_hidden_cell_before_it_else_to_the_one_after():
    assert joined(
        cell("a"), cell("b"), cell("c", output="C"), cell("d"), cell("e", output="E")
    ) == [
        ["a", "b", "c", "d", "C"],
        ["e", "E"],
    ]
    assert joined(cell("a"), cell("b")) == [["a", "b"]]


def test_text_seen_code_and_another_prompt_stand_between():
    text = nodes.paragraph("text", "text")
    assert joined(cell("a"), text, cell("b")) == [["a"], "text", ["b"]]
    assert joined(cell("a"), cell("b", hidden=False), cell("c")) == [["a"], ["b"], ["c"]]
    assert joined(cell("p", prompt="Show the parameters"), cell("a")) == [["p"], ["a"]]
