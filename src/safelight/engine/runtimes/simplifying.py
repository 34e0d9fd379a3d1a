"""A traced graph without what stands in the way of OpenVINO's own transformations."""

# Tested in tests/engine/test_openvino_simplifying.py.

from __future__ import annotations

from typing import Any


def simplify(model: Any) -> None:
    """Have half precision named by weights alone, and work out what is known.

    OpenVINO is told once for all in which format to compute. Each conversion that a graph names besides costs a pass
    over the numbers, and keeps it from seeing products of eight bits, as do bounds that are yet to be worked out.
    """
    from openvino.passes import ConstantFolding, Manager

    _name_no_half_precision(model)
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(model)


def _name_no_half_precision(model: Any) -> None:
    from openvino import Type, opset13

    for node in model.get_ordered_ops():
        made = [output for output in node.outputs() if output.get_element_type() == Type.bf16]
        given = [value.get_element_type() for value in node.input_values()]
        if Type.bf16 in given:
            continue  # what it makes is in its inputs' format
        for output in made:
            users = output.get_target_inputs()
            is_conversion = node.get_type_name() == "Convert"
            source = node.input_value(0) if is_conversion else output
            plain = source if given == [Type.f32] and is_conversion else opset13.convert(source, Type.f32).output(0)
            for user in users:
                user.replace_source_output(plain)
    model.validate_nodes_and_infer_types()
