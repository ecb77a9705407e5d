"""Steps of reading.feature: what is strict JSON, and what is not."""

from pytest_bdd import scenarios, then, when

from kata.steps import World

from .api import Api, accepted, readers
from .strict import Text, judge_texts, judge_twice, send_texts, send_twice

scenarios("reading.feature")


@when("texts with one fault each are sent to every route that reads JSON", target_fixture="texts")
def texts_with_one_fault_each_are_sent(api: Api, world: World) -> list[Text]:
    return send_texts(api, world, readers(api))


@then("each gets 400 with the offset, the line and the column of the fault")
def each_gets_400_with_the_place_of_the_fault(texts: list[Text]) -> None:
    judge_texts(texts)


@when("objects with a name twice, spelled alike and differently, are sent", target_fixture="twice")
def objects_with_a_name_twice_are_sent(api: Api, world: World) -> list[tuple[Text, str]]:
    return send_twice(api, world, readers(api))


@then("each gets 400 with a pointer and the place of the second")
def each_gets_400_with_a_pointer_and_the_place_of_the_second(twice: list[tuple[Text, str]]) -> None:
    judge_twice(twice)


@then("the same name in another object is no fault")
def the_same_name_in_another_object_is_no_fault(api: Api, world: World) -> None:
    version_id, word = api.register(True), world.draw.word()
    text = (
        f'{{"{word}":{{"{word}":1}},"{word.upper()}":[{{"{word}":1}},{{"{word}":"{word}:{word}"}}],"a\\"":1}}'
    )
    accepted(api.validate_text(version_id, text.encode()), text)
