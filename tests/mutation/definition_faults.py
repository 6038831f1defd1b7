"""Faults in what a definition, a value or a row may be."""

from typing import Final

from tests.mutation.fault import Fault

_PARAMETERS = "sagas/machine/parameters.py"
_STORABLE = "sagas/machine/storable.py"
_WAKING = "sagas/engine/waking.py"

PARAMETERS = ("machine/test_parameters",)
ODD_VALUES = ("machine/test_odd_values",)
BROKEN_ROWS = ("engine/test_broken_rows",)

DEFINITION_FAULTS: Final = (
    Fault(
        name="A version may be too large for its column",
        clause="L3",
        file=_PARAMETERS,
        before="if type(value) is not int or not 1 <= value <= MOST:",
        after="if type(value) is not int or not 1 <= value:",
        tests=PARAMETERS,
    ),
    Fault(
        name="True is a number of attempts",
        clause="L3",
        file=_PARAMETERS,
        before="if type(value) is not int or not 1 <= value <= MOST:",
        after="if not isinstance(value, int) or not 1 <= value <= MOST:",
        tests=PARAMETERS,
    ),
    Fault(
        name="A timeout may be longer than any calendar",
        clause="L3",
        file=_PARAMETERS,
        before="    if not least_possible <= duration <= LONGEST:\n",
        after="    if not least_possible <= duration:\n",
        tests=PARAMETERS,
    ),
    Fault(
        name="A retry may be a number",
        clause="L3",
        file="sagas/machine/steps.py",
        before="    if not isinstance(retry, Retry):\n",
        after="    if not isinstance(retry, Retry | int):\n",
        tests=PARAMETERS,
    ),
    Fault(
        name="An object with an async call validates",
        clause="L3",
        file=_PARAMETERS,
        before="    return [*found, *(type(each).__call__ for each in found)]",
        after="    return found",
        tests=PARAMETERS,
    ),
    Fault(
        name="A generator function is an action",
        clause="L3",
        file=_PARAMETERS,
        before="    generators = inspect.isgeneratorfunction, inspect.isasyncgenfunction\n",
        after="    generators = (inspect.isasyncgenfunction,)\n",
        tests=PARAMETERS,
    ),
    Fault(
        name="An action need not take the context",
        clause="L3",
        file=_PARAMETERS,
        before="    _require_one_parameter(owner, parameter, function, takes)\n",
        after="",
        tests=PARAMETERS,
    ),
    Fault(
        name="A saga may be a step of itself",
        clause="L2",
        file="sagas/machine/definition.py",
        before="        self._require_other_sagas(owner)\n",
        after="        pass\n",
        tests=PARAMETERS,
    ),
    Fault(
        name="Sagas may start each other in a cycle",
        clause="L2",
        file="sagas/registry.py",
        before="            elif any(before is part for before in way):",
        after="            elif part is way[-1]:",
        tests=("engine/test_cycles",),
    ),
    Fault(
        name="One broken row stops the wake loop",
        clause="L3",
        file=_WAKING,
        before="            due.postpone(execution_id, POISON_PAUSE)\n",
        after="            raise\n",
        tests=BROKEN_ROWS,
    ),
    Fault(
        name="What the database refuses for one stops the wake loop",
        clause="L3",
        file=_WAKING,
        before="            if recovery.is_of_session(error):",
        after="            if recovery.is_lost(error):",
        tests=BROKEN_ROWS,
    ),
    Fault(
        name="One broken row hides all others in a list",
        clause="L3",
        file="sagas/queries/descriptions.py",
        before="    except Exception as error:\n        return {}, Options(),",
        after="    except ZeroDivisionError as error:\n        return {}, Options(),",
        tests=BROKEN_ROWS,
    ),
    Fault(
        name="One that cannot be run loses the claims of the others",
        clause="L3",
        file="sagas/engine/working.py",
        before="            works[each] = None\n",
        after="            raise\n",
        tests=BROKEN_ROWS,
    ),
    Fault(
        name="An object is what it says it is",
        clause="R17",
        file=_STORABLE,
        before="    kind = type(value)\n    if not issubclass(kind, Mapping):",
        after="    kind = value.__class__\n    if not issubclass(kind, Mapping):",
        tests=ODD_VALUES,
    ),
    Fault(
        name="A mapping whose items raise is no NotStorable",
        clause="R17",
        file=_STORABLE,
        before="        if is_true and isinstance(value, dict):\n"
        "            is_true = all(dict.__getitem__(value, key) is item for key, item in pairs)\n"
        "    except Exception as error:",
        after="        if is_true and isinstance(value, dict):\n"
        "            is_true = all(dict.__getitem__(value, key) is item for key, item in pairs)\n"
        "    except ValueError as error:",
        tests=ODD_VALUES,
    ),
    Fault(
        name="A negative zero loses its sign",
        clause="R17",
        file="sagas/machine/context.py",
        before='    return NEGATIVE_ZERO if found[0] == "-0.0" else found[0]\n',
        after="    return found[0]\n",
        tests=ODD_VALUES,
    ),
    Fault(
        name="A list that holds itself many times over is walked to its end",
        clause="R17",
        file=_STORABLE,
        before="    left[0] -= len(value)\n",
        after="    left[0] -= 0\n",
        tests=ODD_VALUES,
    ),
)
