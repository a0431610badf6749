"""The notebook's classes and their instances."""

CASES = {
    "a_class_defined_in_one_step_and_used_in_others": """
class Point:
    scale = 2
    def __init__(self, x):
        self.x = x
    def scaled(self):
        return self.x * self.scale
---
p = Point(3)
---
print(isinstance(p, Point), type(p) is Point, p.scaled())
""",
    "a_class_attribute_changed_later": """
class Config:
    depth = 1
c = Config()
---
Config.depth = 5
---
print(c.depth, Config.depth)
""",
    "enum_members_stay_the_same_object": """
import enum
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
favourite = Colour.RED
---
print(favourite is Colour.RED, Colour(2) is Colour.BLUE)
""",
    "a_dataclass_and_its_instances": """
from dataclasses import dataclass, field
@dataclass
class Box:
    items: list = field(default_factory=list)
b = Box()
---
b.items.append(1)
---
print(b, b == Box([1]))
""",
    "a_model_of_pydantic_with_a_validator": """
from pydantic import BaseModel, field_validator
class Item(BaseModel):
    name: str
    price: float = 1.0
    @field_validator("price")
    @classmethod
    def positive(cls, v):
        return abs(v)
---
items = [Item(name="a"), Item(name="b", price=-2)]
---
print(items, isinstance(items[0], Item), items[0] == Item(name="a"))
""",
    "a_subclass_of_a_class_from_another_step": """
class Base:
    def name(self):
        return "base"
---
class Child(Base):
    def name(self):
        return "child of " + super().name()
---
c = Child()
print(c.name(), isinstance(c, Base), issubclass(Child, Base))
""",
    "setattr_on_an_object_from_a_list": """
class Thing:
    size = 1
things = [Thing(), Thing()]
---
for thing in things:
    thing.size = 5
---
print([t.size for t in things])
""",
    "a_class_that_counts_its_instances": """
class Account:
    opened = 0
    def __init__(self, owner):
        self.owner = owner
        self.log = []
        Account.opened += 1
    def pay(self, n):
        self.log.append(n)
        return self
a = Account("ann")
---
b = Account("bob")
b.pay(3).pay(4)
---
a.pay(1)
print(Account.opened, a.log, b.log)
""",
    "a_property_that_keeps_a_history": """
class T:
    def __init__(self):
        self._v = 1
        self.history = []
    @property
    def v(self):
        return self._v
    @v.setter
    def v(self, new):
        self.history.append(self._v)
        self._v = new
t = T()
h = t.history
---
t.v = 7
---
print(t.v, h, h is t.history)
""",
    "a_kept_property_is_asked_for_before_its_global_changes": """
from functools import cached_property
rate = 2
class Account:
    def __init__(self, n):
        self.n = n
    @cached_property
    def worth(self):
        return self.n * rate
x, y = Account(5), Account(6)
---
first = x.worth
---
rate = 100
---
print(first, x.worth, y.worth)
""",
    "inheritance_over_three_steps": """
class A:
    items = []
    def add(self, x):
        self.items.append(x)
---
class B(A):
    def add(self, x):
        super().add(x * 2)
---
class C(B):
    def add(self, x):
        super().add(x + 1)
C().add(3)
---
print(A.items, B.items is A.items, [k.__name__ for k in C.__mro__])
""",
    "an_attribute_of_an_object_of_an_object": """
class Node:
    def __init__(self):
        self.child = None
        self.v = 0
def make():
    n = Node()
    n.child = Node()
    return n
root = make()
kid = root.child
---
root.child.v = 5
---
print(kid.v, kid is root.child)
""",
    "a_base_class_that_lists_its_subclasses": """
class Base:
    subs = []
    def __init_subclass__(cls, **kw):
        Base.subs.append(cls.__name__)
---
class X(Base): pass
---
class Y(Base): pass
---
print(Base.subs)
""",
    "a_subscript_that_counts": """
class Lazy:
    def __init__(self): self.hits = 0
    def __getitem__(self, k):
        self.hits += 1
        return k
z = Lazy()
---
z[1]
---
print(z.hits)
""",
    "what_is_shown_and_gone_through_is_counted": """
class Rows(list):
    def __iter__(self):
        seen.append("gone through")
        return super().__iter__()
    def __repr__(self):
        seen.append("shown")
        return "rows"
seen = []
a_pair = [Rows([1]), {Rows: ()}]
rows = a_pair[0]
---
rows.append(2)
---
seen.append("altered")
---
print(sum(rows), seen)
""",
    "a_generic_class": """
from typing import Generic, TypeVar
T = TypeVar("T")
class Box(Generic[T]):
    made = []
    def __init__(self, held: T):
        self.held = held
        Box.made.append(self)
---
box = Box[int](1)
---
print(box.__orig_class__, len(Box.made), Box.__parameters__ == (T,))
""",
    "an_enum_with_second_names_and_named_combinations": """
import enum
class Right(enum.Flag):
    READ = 1
    WRITE = 2
    BOTH = READ | WRITE
class Colour(enum.Enum):
    RED = 1
    CRIMSON = 1
held = Right.BOTH
---
more = held & Right["READ"], Colour["CRIMSON"]
---
print(Right["BOTH"] is held, more, list(Right), list(Right.__members__), Colour.CRIMSON is Colour.RED)
""",
    "subclasses_that_are_asked_for": """
class Base:
    @classmethod
    def names(cls):
        return [kind.__name__ for kind in cls.__subclasses__()]
class Z(Base): pass
class A(Base): pass
first = A()
---
class M(Base): pass
last = M()
---
print(Base.names(), type(first).__name__, type(last).__name__)
""",
    "a_class_registered_with_an_abstract_one_of_python": """
import numbers
from collections.abc import Sized
class Rows:
    pass
rows = Rows()
---
Sized.register(Rows)
@numbers.Number.register
class One:
    pass
one = One()
---
print(isinstance(rows, Sized), isinstance(one, numbers.Number), isinstance(one, Sized))
""",
}
