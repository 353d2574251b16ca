"""How quantities are written: number words, scales and units, in English and elsewhere."""

from __future__ import annotations

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
NUMBER_WORDS = {word: float(value) for value, word in enumerate(_SMALL.split())} | {
    word: 10.0 * (at + 2)
    for at, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())
}
#: A word that is a factor.
FACTORS = {
    2.0: "twice double doubles doubled doubling twofold",
    3.0: "thrice triple triples tripled tripling threefold",
    4.0: "quadruple quadruples quadrupled quadrupling fourfold",
    0.5: "half halve halves halved halving",
}
FACTOR_OF = {word: value for value, words in FACTORS.items() for word in words.split()}
#: "a third of", "two thirds".
PARTS = {"third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25, "quarters": 0.25, "fifths": 0.2,
         "tenths": 0.1, "fifth": 0.2, "tenth": 0.1, "halves": 0.5, "half": 0.5}  # fmt: skip
#: What a part may stand before: "a third of", but not "a third model".
OF_A_PART = frozenset("of the its their less fewer more lower higher as faster smaller".split())
#: "millions of": from, up to.
VAGUE = {"dozens": (24.0, 200.0), "hundreds": (100.0, 1e3 * 100), "thousands": (1e3, 1e6),
         "millions": (1e6, 1e9), "billions": (1e9, 1e12), "trillions": (1e12, 1e15)}  # fmt: skip

#: By value: in English, then in other languages.
_SCALES = {
    12.0: "dozen",
    100.0: "hundred",
    1e3: "k thousand tausend mille mil mila duizend tys tysiące tysięcy tusen tusind tuhat tuhatta"
    " tisíc bin ezer mii nghìn ngàn ribu тыс тысяч тысячи тысяча тис тисяч χιλιάδες 千 천",
    1e4: "万 萬 만",
    1e6: "million mio mln millionen millions millones millón milioni milione milhões milhão miljoen"
    " milion miliony milionów milionů miljoner miljon millioner miljoonaa miljoona milyon millió"
    " milioane triệu juta млн миллион миллиона миллионов мільйон мільйона мільйонів"
    " εκατομμύρια 百万",
    1e8: "亿 億 억",
    1e9: "bn billion mrd mia milliarden milliarde milliards milliard miliardi miliardo miljard"
    " miliard miliardy miliardów miliarder miljarder milliarder miljardia miljardi milyar"
    " milliárd miliarde tỷ miliar млрд миллиард миллиарда миллиардов мільярд мільярдів"
    " δισεκατομμύρια 十亿 十億",
    1e12: "trillion 兆 万亿 萬億 조",
}
SCALES = {word: value for value, words in _SCALES.items() for word in words.split()}
#: Where letters alone count, their case does: "5 m" are meters.
LETTERS = {"K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "b": 1e9, "T": 1e12}

_UNITS = {
    "%": "% percent percentage prozent procent procento procenta procentów pourcent procenttia"
    " yüzde százalék procente persen процент процента процентов проц відсотків 百分点 パーセント"
    " 퍼센트 ％",
    "pp": "pp percentage-points percentage-point prozentpunkte prozentpunkten 百分點 个百分点"
    " 個百分點 ポイント",
    "pt": "points point",
    "x": "× x times time fold -fold mal fach fois veces vez volte volta vezes keer gånger ganger"
    " gange razy krát kat kali lần раза раз рази φορές 倍 배",
    "ns": "ns nanosecond nanoseconds nanosekunden nanosecondes 纳秒 奈秒 ナノ秒",
    "us": "μs us microsecond microseconds mikrosekunden microsecondes 微秒 マイクロ秒",
    "ms": "ms millisecond milliseconds millisekunden millisecondes milisegundos millisecondi"
    " milliseconden 毫秒 ミリ秒 밀리초 мс",
    "s": "s sec secs second seconds sekunden sekunde secondes seconde segundos secondi seconden"
    " sekunder sekund sekunt 秒 초 секунд секунды сек",
    "min": "min mins minute minutes minuten minutos minuti minuter minut 分钟 分鐘 分間 분 минут",
    "h": "h hr hrs hour hours stunden stunde heures horas ore uren timmar timer godzin 小时 小時"
    " 時間 시간 часов часа час",
    "day": "d day days tage tagen tag jours jour días dias giorni dagen dagar dni 天 日間 일 дней",
    "week": "week weeks wochen woche semaines semanas settimane weken 周 週 週間 недель недели",
    "month": "month months monate monaten mois meses mesi maanden 个月 個月 か月 ヶ月 месяцев",
    "year": "yr yrs year years jahre jahren jahr ans années años anos anni jaar år lat 年 年間 лет"
    " года",
    "decade": "decade decades jahrzehnte décennies décadas",
    "century": "century centuries jahrhunderte siècles siglos",
    "b": "byte bytes 字节", "bit": "bit bits 位", "kb": "kb kib kilobytes kilobyte",
    "mb": "mb mib megabytes megabyte", "gb": "gb gib gigabytes gigabyte",
    "tb": "tb tib terabytes terabyte", "pb": "pb petabytes petabyte",
    "hz": "hz hertz 赫兹", "khz": "khz kilohertz", "mhz": "mhz megahertz", "ghz": "ghz gigahertz",
    "thz": "thz terahertz",
    "fm": "fm", "pm": "pm", "nm": "nm nanometers nanometer nanometres 纳米 奈米",
    "um": "μm um micron microns micrometers micrometer micrometres 微米",
    "mm": "mm millimeters millimeter millimetres 毫米", "cm": "cm centimeters centimeter 厘米 公分",
    "m": "m meter meters metre metres mètres metros metri 米 公尺", "km": "km kilometers kilometer"
    " kilometres 公里 千米", "mile": "mile miles", "ft": "ft feet foot", "inch": "inch inches",
    "au": "au", "pc": "pc parsec parsecs", "kpc": "kpc", "mpc": "mpc", "ly": "ly",
    "kg": "kg kilogram kilograms 公斤 千克", "g": "g gram grams 克", "mg": "mg milligrams",
    "ug": "μg micrograms", "t": "tonne tonnes tons ton", "lb": "lb lbs pounds",
    "l": "liter liters litre litres", "ml": "ml milliliters milliliter",
    "ev": "ev", "mev": "mev", "kev": "kev", "gev": "gev", "tev": "tev", "j": "joule joules",
    "kwh": "kwh", "mwh": "mwh", "w": "w watt watts", "mw": "mw milliwatts megawatts", "kw": "kw"
    " kilowatts",
    "gw": "gw", "v": "volt volts", "mv": "mv", "db": "db decibel decibels", "pa": "pa pascal",
    "kpa": "kpa", "mpa": "mpa", "gpa": "gpa", "bar": "bar", "tesla": "tesla teslas",
    "c": "°c ℃ celsius 摄氏度 攝氏度", "f": "°f ℉ fahrenheit", "kelvin": "kelvin kelvins",
    "deg": "° degree degrees grad", "rad": "rad radians",
    "usd": "usd dollars dollar dólares 美元", "eur": "eur euros euro 欧元", "gbp": "gbp",
    "mol": "mol moles", "nmol": "nmol", "mmol": "mmol", "ppm": "ppm", "rpm": "rpm", "fps": "fps",
    "flops": "flops", "tflops": "tflops", "gflops": "gflops", "pflops": "pflops",
}  # fmt: skip
UNITS = {word: unit for unit, words in _UNITS.items() for word in words.split()}
#: Of two words.
PHRASES = {
    "percentage points": "pp", "percentage point": "pp", "per cent": "%", "pour cent": "%",
    "por ciento": "%", "por cento": "%", "per cento": "%", "the hundred": "",
    "degrees celsius": "c", "degree celsius": "c", "degrees c": "c", "degrees fahrenheit": "f",
    "degrees f": "f", "grad celsius": "c", "light years": "ly", "de pourcent": "%",
    "% points": "pp",
}  # fmt: skip
#: Before the number.
SIGNS = {"$": "usd", "€": "eur", "£": "gbp"}
#: What a unitless number may stand for.
LOOSE = frozenset(("", "x", "%", "pt", "pp", "usd", "eur", "gbp", "bit", "deg", "fps"))
