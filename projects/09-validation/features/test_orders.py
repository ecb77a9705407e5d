"""Steps of orders.feature: the worked example of a request body."""

from copy import deepcopy
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, World, as_object, describe_answer, expect

from .api import OK, ORDERS, Api, Json, accepted, same, shown, told
from .order import ORDER_SCHEMA, Mutable, drawn_order, mistakes

scenarios("orders.feature")


@when("orders are sent", target_fixture="orders")
def orders_are_sent(api: Api, world: World) -> list[tuple[Mutable, str, Exchange]]:
    drawn = [drawn_order(world.draw) for _ in range(8)]
    return [(order, f"{total:.2f}", api.order(order)) for order, total in drawn]


@then("each gets 200 with the number of its lines and their exact total")
def each_gets_200_with_the_number_of_its_lines(orders: list[tuple[Mutable, str, Exchange]]) -> None:
    for order, total, answer in orders:
        got = f"{describe_answer(answer)} {answer.text[:300]}"
        expect(answer.status == OK, expected=f"200 for {shown(order)}", got=got, answer=answer)
        items = order["items"]
        wanted = {"lines": len(items) if isinstance(items, list) else 0, "total": total}
        right = as_object(answer) == wanted
        expect(right, expected=f"{wanted} for {shown(order)}", got=answer.text[:200], answer=answer)


@dataclass(frozen=True)
class Flawed:
    """An order with mistakes, where they are, and the answer."""

    order: Mutable
    wanted: list[tuple[str, str]]
    answer: Exchange


@when("orders with a mistake each, and with several, are sent", target_fixture="flawed")
def orders_with_a_mistake_each_and_with_several_are_sent(api: Api, world: World) -> list[Flawed]:
    flawed = []
    for make, place, code in world.draw.shuffle(mistakes(world.draw)):
        order = deepcopy(drawn_order(world.draw)[0])
        make(order)
        flawed.append(Flawed(order, [(place, code)], api.order(order)))
    several = [one for one in mistakes(world.draw) if one[1] in SEVERAL]
    places: dict[str, str] = {}
    order = deepcopy(drawn_order(world.draw)[0])
    for make, place, code in world.draw.shuffle(several):
        if place not in places:
            places[place] = code
            make(order)
    flawed.append(Flawed(order, list(places.items()), api.order(order)))
    wholes: tuple[Json, ...] = ([], None, world.draw.word(), 0)
    for whole in wholes:
        answer = api.post(ORDERS, shown(whole).encode())
        flawed.append(Flawed({}, [("#", "wrong_type")], answer))
    return flawed


# Places none of which lies within another.
SEVERAL = {
    "#/placed_on",
    "#/customer/name",
    "#/customer/email",
    "#/items/0/sku",
    "#/items/0/qty",
    "#/delivery",
}


@then("each gets 422 with an entry for each mistake, and no other")
def each_gets_422_with_an_entry_for_each_mistake(flawed: list[Flawed]) -> None:
    for one in flawed:
        same(told(one.answer, one.order), one.wanted, one.order)


@when("the schema of an order is registered", target_fixture="order_version")
def the_schema_of_an_order_is_registered(api: Api) -> str:
    return api.register(ORDER_SCHEMA, assert_format=True)


@then("the same orders get the same pointers and codes from either")
def the_same_orders_get_the_same_pointers_and_codes(api: Api, world: World, order_version: str) -> None:
    for make, _, _ in mistakes(world.draw):
        order = deepcopy(drawn_order(world.draw)[0])
        accepted(api.validate(order_version, order), order)
        make(order)
        by_route = [one.pair for one in told(api.order(order), order)]
        by_schema = [one.pair for one in told(api.validate(order_version, order), order)]
        expect(by_route == by_schema, expected=f"{by_route} for {shown(order)}", got=by_schema)
