"""Makes up people, organisations and addresses of Sóc Trăng from lists of name parts."""

import unicodedata
from dataclasses import dataclass
from random import Random


def _words(text: str, separator: str | None = None) -> tuple[str, ...]:
    return tuple(text.split(separator))


# Kinh, Khmer and Hoa families live in the province; the weights follow that loosely.
FAMILIES = _words(
    "Nguyễn Nguyễn Nguyễn Nguyễn Nguyễn Trần Trần Trần Lê Lê Phạm Huỳnh Huỳnh Võ Phan Trương Bùi "
    "Đặng Đỗ Hồ Ngô Dương Thạch Thạch Sơn Kim Danh Lâm Lâm Lý Lý Triệu Tăng Châu Quách Mã"
)
WOMEN_MIDDLE = _words("Thị Thị Thị Ngọc Mỹ Kim Bích Hồng Thanh Thúy Diệu Tuyết Như Cẩm")
WOMEN = _words(
    "Lan Hoa Hương Mai Hạnh Nga Phượng Trang Thảo Vy Ngân Linh Yến Thơ Tiên Diễm Loan Dung Xuân "
    "Hằng Nhung Trinh Quyên My Chi Đào Oanh Tâm"
)
MEN_MIDDLE = _words("Văn Văn Văn Hữu Minh Quốc Thanh Hoàng Đức Công Chí Tấn Thành Trung Ngọc")
MEN = _words(
    "Hùng Dũng Tuấn Khang Phúc Lợi Tài Đạt Phát Nghĩa Hải Sang Bình Toàn Kiệt Nam Thắng Vũ Khánh "
    "Long Cường Thiện Đông Lộc Tín Trí Hậu Nhân"
)
# Two of these between family and middle name keep the people of every copy apart.
COPY_SYLLABLES = _words(
    "An Bảo Gia Khải Minh Phương Quang Tường Uyên Việt "
    "Ánh Băng Cát Duy Giang Hà Khôi Lam Nhật Thiên"
)
COMPANY_FORMS = (
    "Công ty TNHH",
    "Công ty TNHH MTV",
    "Công ty Cổ phần",
    "Doanh nghiệp tư nhân",
    "Hợp tác xã",
)
COMPANY_TRADES = (
    "Thương mại",
    "Xây dựng",
    "Thủy sản",
    "Vận tải",
    "Nông sản",
    "Dược phẩm",
    "Dịch vụ",
    "Cơ khí",
    "Lúa gạo",
    "Bao bì",
)
COMPANY_WORDS = _words(
    "Sóc Trăng|Mỹ Xuyên|Hậu Giang|Phú Lợi|Khánh Hưng|Vĩnh Phát|Tân Long|Đại Ngãi|Minh Tâm|"
    "Thành Công|Hoàng Gia|Phước Lộc|Nam Sông Hậu|Ba Xuyên|An Hiệp",
    separator="|",
)
# Communes and wards by district, as they were in 2019.
PLACES = {
    "thành phố Sóc Trăng": "Phường 1|Phường 2|Phường 3|Phường 4|Phường 6|Phường 7|Phường 9",
    "thị xã Vĩnh Châu": "Phường Vĩnh Phước|Phường Khánh Hòa|Xã Lai Hòa|Xã Vĩnh Hải",
    "thị xã Ngã Năm": "Phường 1|Phường 2|Xã Mỹ Quới|Xã Tân Long",
    "huyện Kế Sách": "Thị trấn Kế Sách|Thị trấn An Lạc Thôn|Xã Nhơn Mỹ|Xã Thới An Hội",
    "huyện Mỹ Tú": "Thị trấn Huỳnh Hữu Nghĩa|Xã Long Hưng|Xã Hưng Phú",
    "huyện Cù Lao Dung": "Thị trấn Cù Lao Dung|Xã An Thạnh 1|Xã Đại Ân 1",
    "huyện Long Phú": "Thị trấn Long Phú|Thị trấn Đại Ngãi|Xã Trường Khánh|Xã Song Phụng",
    "huyện Mỹ Xuyên": "Thị trấn Mỹ Xuyên|Xã Đại Tâm|Xã Tham Đôn|Xã Thạnh Phú",
    "huyện Thạnh Trị": "Thị trấn Phú Lộc|Thị trấn Hưng Lợi|Xã Thạnh Tân",
    "huyện Châu Thành": "Thị trấn Châu Thành|Xã An Hiệp|Xã Phú Tâm|Xã Thuận Hòa",
    "huyện Trần Đề": "Thị trấn Trần Đề|Thị trấn Lịch Hội Thượng|Xã Viên An|Xã Tài Văn",
}
COMMUNES = tuple(
    f"{commune}, {district}, tỉnh Sóc Trăng"
    for district, communes in PLACES.items()
    for commune in communes.split("|")
)

# In the text of a record these stand for what differs from copy to copy (see write.copy_marks).
COPY_NUMBER = "\ue000"
COPY_NAME = "\ue001"
COPY_DIGITS = "\ue002"


@dataclass(frozen=True)
class Applicant:
    """Who hands in a case; `kind` is LoaiDoiTuong (1 person, 2 organisation)."""

    kind: int
    name: str
    identity: str
    phone: str
    email: str
    address: str


def person_name(rng: Random, copy_mark: str = "") -> str:
    """A full name, family first; `copy_mark` stands where copies get further syllables."""
    middle, given = (WOMEN_MIDDLE, WOMEN) if rng.random() < 0.5 else (MEN_MIDDLE, MEN)
    return f"{one_of(rng, FAMILIES)} {copy_mark}{one_of(rng, middle)} {one_of(rng, given)}"


def applicant(rng: Random, organisations: float) -> Applicant:
    """An applicant, an organisation with the probability `organisations`."""
    name = person_name(rng, COPY_NAME)
    kind = 2 if rng.random() < organisations else 1
    address = one_of(rng, COMMUNES)
    number = int(rng.random() * 900) + 1
    if kind == 2:
        owner = (
            f"{one_of(rng, COMPANY_FORMS)} {one_of(rng, COMPANY_TRADES)} {COPY_NAME}"
            f"{one_of(rng, COMPANY_WORDS)} {number}"
        )
        identity = f"2200{int(rng.random() * 1000):03d}{COPY_DIGITS}"
        address = f"Số {number}, {address}"
    else:
        owner = name
        identity = f"0941{int(rng.random() * 100000):05d}{COPY_DIGITS}"
        address = f"Ấp {number % 9 + 1}, {address}" if "Xã" in address else address
    phone = f"09{int(rng.random() * 100000000):08d}"
    email = ""
    if rng.random() < 0.3:
        email = f"{ascii_letters(name.rsplit(' ', 1)[1])}{number}@example.vn"
    return Applicant(kind, owner, identity, phone, email, address)


def ascii_letters(text: str) -> str:
    """Lower-case letters of `text` without Vietnamese marks."""
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum())


def copy_syllables(copy: int) -> str:
    """Syllables that set the names of one copy apart; none for the first."""
    syllables = []
    while copy:
        copy, digit = divmod(copy, len(COPY_SYLLABLES))
        syllables.append(COPY_SYLLABLES[digit] + " ")
    return "".join(syllables)


def one_of(rng: Random, choices: tuple[str, ...]) -> str:
    """One of the choices, each as likely as it is often in the list."""
    return choices[int(rng.random() * len(choices))]
